/** Search as one types: a combobox whose choice is flown to and selected. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { isAbort } from '../core/api';
import { nameIn, textOr } from '../core/i18n';
import type { SearchHit } from '../core/types';
import { searchIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

const pause_ms = 120;
const mostHits = 12;

export class SearchPanel extends Panel {
  #query = '';
  #hits: SearchHit[] | null = null;
  #active = -1;
  #open = false;
  #timer = 0;
  #request: AbortController | null = null;

  static override styles = [
    glass,
    controls,
    css`
      :host {
        position: relative;
        display: block;
      }
      label {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        height: 2.25rem;
        padding: 0 0.75rem;
        border-radius: var(--radius-small);
        background: var(--field);
        color: var(--text-quiet);
      }
      label:focus-within {
        box-shadow: inset 0 0 0 1.5px var(--accent);
      }
      label svg {
        width: 1rem;
        height: 1rem;
        flex: none;
      }
      input {
        flex: 1;
        min-width: 0;
        width: 16rem;
        border: 0;
        background: none;
        color: var(--text);
        font-size: var(--size-body);
      }
      input:focus-visible {
        outline: none;
      }
      input::placeholder {
        color: var(--text-faint);
      }
      .results {
        position: absolute;
        z-index: 5;
        top: calc(100% + 0.5rem);
        left: 0;
        right: 0;
        min-width: min(22rem, 88vw);
        max-height: min(26rem, 60vh);
        overflow: auto;
        padding: 0.3rem;
        background: var(--glass-dense);
      }
      .hit {
        display: grid;
        grid-template-columns: 1fr auto;
        gap: 0.1rem 0.8rem;
        padding: 0.45rem 0.6rem;
        border-radius: var(--radius-small);
        cursor: pointer;
      }
      .hit[aria-selected='true'],
      .hit:hover {
        background: var(--hover);
      }
      .hit .other,
      .hit .what {
        font-size: var(--size-small);
        color: var(--text-quiet);
      }
      .hit .what {
        grid-row: 1;
        grid-column: 2;
        align-self: center;
      }
      .none {
        margin: 0;
        padding: 0.6rem;
        color: var(--text-quiet);
        font-size: var(--size-small);
      }
    `,
  ];

  /** Puts the cursor into the box. */
  override focus(): void {
    this.renderRoot.querySelector('input')?.focus();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#request?.abort();
  }

  override render(): TemplateResult {
    const shown = this.#open && this.#hits !== null;
    return html`<label>
        ${searchIcon}
        <input
          type="text"
          role="combobox"
          autocomplete="off"
          spellcheck="false"
          enterkeyhint="search"
          aria-label=${this.t('search')}
          aria-expanded=${shown ? 'true' : 'false'}
          aria-controls="results"
          aria-autocomplete="list"
          aria-activedescendant=${this.#active >= 0 ? `hit-${this.#active}` : nothing}
          placeholder=${this.t('searchPlaceholder')}
          .value=${this.#query}
          @input=${this.#type}
          @keydown=${this.#press}
          @focus=${() => {
            this.#show(true);
          }}
          @blur=${() => {
            this.#show(false);
          }}
        />
      </label>
      <div id="results" class="results glass" role="listbox" aria-label=${this.t('search')} ?hidden=${!shown}>
        ${shown ? this.#results() : nothing}
      </div>
      <div class="hidden-visually" role="status">
        ${shown ? this.t('searchCount', { count: this.#hits?.length ?? 0 }) : nothing}
      </div>`;
  }

  #results(): TemplateResult | TemplateResult[] {
    const hits = this.#hits ?? [];
    if (hits.length === 0) return html`<p class="none">${this.t('searchNothing', { query: this.#query })}</p>`;
    return hits.map(
      (hit, i) =>
        html`<div
          id=${`hit-${i}`}
          class="hit"
          role="option"
          aria-selected=${i === this.#active ? 'true' : 'false'}
          @pointerdown=${(event: Event) => {
            event.preventDefault();
            this.#choose(hit);
          }}
        >
          <span>${nameIn(this.language, hit) ?? hit.id}</span>
          <span class="what">${textOr(this.language, `layer.${hit.layer}`, hit.layer)}</span>
          <span class="other">${this.#otherName(hit)}</span>
        </div>`,
    );
  }

  #otherName(hit: SearchHit): string {
    const other = nameIn(this.language === 'zh' ? 'en' : 'zh', hit);
    return other !== null && other !== nameIn(this.language, hit) ? other : '';
  }

  readonly #type = (event: Event): void => {
    this.#query = (event.target as HTMLInputElement).value;
    this.#active = -1;
    this.#show(true);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#search(), pause_ms);
  };

  readonly #press = (event: KeyboardEvent): void => {
    const count = this.#hits?.length ?? 0;
    if (event.key === 'ArrowDown' && count > 0) this.#active = (this.#active + 1) % count;
    else if (event.key === 'ArrowUp' && count > 0) this.#active = (this.#active - 1 + count) % count;
    else if (event.key === 'Escape') this.#show(false);
    else if (event.key === 'Enter') void this.#enter();
    else return;
    event.preventDefault();
    this.requestUpdate();
    void this.updateComplete.then(() => this.renderRoot.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }));
  };

  async #enter(): Promise<void> {
    if (this.#hits === null) await this.#search();
    const hit = this.#hits?.[Math.max(0, this.#active)];
    if (hit) this.#choose(hit);
  }

  async #search(): Promise<void> {
    clearTimeout(this.#timer);
    this.#request?.abort();
    const query = this.#query.trim();
    if (query === '') {
      this.#hits = null;
      this.requestUpdate();
      return;
    }
    const request = new AbortController();
    this.#request = request;
    try {
      this.#hits = await this.app.api.search(query, mostHits, request.signal);
    } catch (cause) {
      if (!isAbort(cause)) this.app.fail(cause);
    }
    this.requestUpdate();
  }

  #choose(hit: SearchHit): void {
    this.#query = nameIn(this.language, hit) ?? hit.id;
    this.#show(false);
    this.renderRoot.querySelector('input')?.blur();
    void this.app.goTo(hit);
  }

  #show(open: boolean): void {
    this.#open = open;
    this.requestUpdate();
  }
}

customElements.define('sc-search', SearchPanel);
