/** The API's documentation, drawn from its OpenAPI file, with a form to try each GET. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { controls } from '../panels/shared';
import { answerOf, describe, requestPath, routes, type OpenApi, type Parameter, type Route, type Schema } from './openapiDocument';

const longestShown = 20000;

export class DocsPage extends LitElement {
  #document: OpenApi | null = null;
  #failure = '';
  readonly #values = new Map<string, Record<string, string>>();
  readonly #answers = new Map<string, string>();

  static override styles = [
    controls,
    css`
      main {
        max-width: 54rem;
        margin: 0 auto;
        padding: 2rem 1.2rem 4rem;
      }
      h1 {
        font-size: 1.5rem;
        margin: 0 0 0.2rem;
      }
      h2 {
        margin: 2rem 0 0.6rem;
      }
      article {
        border: 1px solid var(--line);
        border-radius: var(--radius);
        padding: 0.9rem 1.1rem;
        margin-bottom: 0.8rem;
        background: var(--field);
      }
      h3 {
        margin: 0;
        font-size: 1rem;
        overflow-wrap: anywhere;
      }
      .method {
        color: var(--accent);
        margin-right: 0.5rem;
      }
      code,
      pre {
        font-family: ui-monospace, 'Noto Sans Mono', monospace;
        font-size: var(--size-small);
      }
      pre {
        overflow: auto;
        max-height: 24rem;
        margin: 0.7rem 0 0;
        padding: 0.7rem;
        border-radius: var(--radius-small);
        background: var(--glass-dense);
      }
      p {
        margin: 0.3rem 0;
        color: var(--text-quiet);
      }
      table {
        border-collapse: collapse;
        width: 100%;
        margin-top: 0.4rem;
        font-size: var(--size-small);
      }
      td {
        padding: 0.25rem 0.8rem 0.25rem 0;
        border-top: 1px solid var(--line);
        vertical-align: top;
      }
      form {
        display: flex;
        flex-wrap: wrap;
        gap: 0.5rem;
        margin-top: 0.6rem;
        align-items: end;
      }
      form label {
        display: grid;
        font-size: var(--size-tiny);
        color: var(--text-quiet);
      }
      form input {
        padding: 0.3rem 0.6rem;
        border: 1px solid var(--line);
        border-radius: var(--radius-small);
        background: var(--glass);
        min-width: 12rem;
      }
      form button {
        padding: 0.35rem 0.9rem;
        background: var(--accent-strong);
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#load();
  }

  override render(): TemplateResult {
    const document = this.#document;
    if (!document) return html`<main><p role="status">${this.#failure || 'Loading…'}</p></main>`;
    const schemas = Object.entries(document.components?.schemas ?? {});
    return html`<main>
      <h1>${document.info.title} ${document.info.version}</h1>
      <p>${document.info.description ?? ''}</p>
      <p><a href="/api/openapi.json">openapi.json</a> · <a href="/">map</a></p>
      <h2>Routes</h2>
      ${routes(document).map((route) => this.#route(route))}
      <h2>Schemas</h2>
      ${schemas.map(([name, schema]) => this.#schema(name, schema))}
    </main>`;
  }

  #route(route: Route): TemplateResult {
    const { operation } = route;
    const key = `${route.method} ${route.path}`;
    const answer = this.#answers.get(key);
    return html`<article>
      <h3><span class="method">${route.method}</span><code>${route.path}</code></h3>
      <p>${operation.description ?? operation.summary ?? ''}</p>
      <p>Answer: ${this.#link(answerOf(operation))}</p>
      ${this.#parameters(operation.parameters ?? [])} ${route.method === 'GET' ? this.#form(route, key) : nothing}
      ${answer === undefined ? nothing : html`<pre tabindex="0">${answer}</pre>`}
    </article>`;
  }

  #parameters(parameters: readonly Parameter[]): TemplateResult | typeof nothing {
    if (parameters.length === 0) return nothing;
    return html`<table>
      <tbody>
        ${parameters.map(
          (parameter) =>
            html`<tr>
              <td><code>${parameter.name}</code></td>
              <td>in ${parameter.in}${parameter.required ? ', required' : ''}</td>
              <td>${describe(parameter.schema)}</td>
              <td>${parameter.description ?? ''}</td>
            </tr>`,
        )}
      </tbody>
    </table>`;
  }

  #form(route: Route, key: string): TemplateResult {
    const values = this.#values.get(key) ?? {};
    return html`<form
      @submit=${(event: Event) => {
        event.preventDefault();
        void this.#try(route, key);
      }}
    >
      ${(route.operation.parameters ?? []).map(
        (parameter) =>
          html`<label
            >${parameter.name}<input
              name=${parameter.name}
              ?required=${parameter.required}
              .value=${values[parameter.name] ?? ''}
              @input=${(event: Event) => {
                this.#values.set(key, { ...this.#values.get(key), [parameter.name]: (event.target as HTMLInputElement).value });
              }}
          /></label>`,
      )}
      <button>Try it</button>
    </form>`;
  }

  #schema(name: string, schema: Schema): TemplateResult {
    return html`<article id=${name}>
      <h3>${name}</h3>
      <p>${schema.description ?? ''}</p>
      <table>
        <tbody>
          ${Object.entries(schema.properties ?? {}).map(
            ([key, value]) =>
              html`<tr>
                <td><code>${key}</code></td>
                <td>${this.#link(value)}</td>
                <td>${value.description ?? ''}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </article>`;
  }

  /** Ids live inside the shadow root, where fragments of the address do not reach. */
  #link(schema: Schema | undefined): TemplateResult {
    const words = describe(schema);
    const name = schema?.$ref ? words : words.startsWith('list of ') ? words.slice(8) : '';
    const known = name !== '' && this.#document?.components?.schemas?.[name];
    if (!known) return html`${words}`;
    const jump = (event: Event): void => {
      event.preventDefault();
      this.renderRoot.querySelector(`#${CSS.escape(name)}`)?.scrollIntoView();
    };
    return html`<a href=${`#${name}`} @click=${jump}>${words}</a>`;
  }

  async #load(): Promise<void> {
    try {
      const answer = await fetch('/api/openapi.json');
      this.#document = (await answer.json()) as OpenApi;
    } catch (cause) {
      this.#failure = `/api/openapi.json: ${String(cause)}`;
    }
    this.requestUpdate();
  }

  async #try(route: Route, key: string): Promise<void> {
    const path = requestPath(route, this.#values.get(key) ?? {});
    try {
      const answer = await fetch(path);
      const body = await answer.text();
      this.#answers.set(key, `${answer.status} ${path}\n\n${pretty(body).slice(0, longestShown)}`);
    } catch (cause) {
      this.#answers.set(key, `${path}: ${String(cause)}`);
    }
    this.requestUpdate();
  }
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

customElements.define('sc-docs', DocsPage);
