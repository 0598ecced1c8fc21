/** Everything the city knows about one object: attributes, how certain they are, and whose they are. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { attributeRows, describeLayer, sourceRows } from '../core/attributes';
import { nameIn, textOr } from '../core/i18n';
import type { Selection } from '../core/state';
import { provenances, type Provenance } from '../core/types';
import { closeIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

export class ObjectPanel extends Panel {
  static override styles = [
    glass,
    controls,
    css`
      section {
        width: 20rem;
        max-width: 94vw;
        max-height: calc(100vh - 12rem);
        overflow: auto;
        padding: 0.8rem 1rem 1rem;
      }
      .head {
        display: flex;
        align-items: start;
        gap: 0.5rem;
      }
      .head div {
        flex: 1;
        min-width: 0;
      }
      .name {
        margin: 0.1rem 0 0;
        font-size: var(--size-title);
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      .other {
        margin: 0;
        color: var(--text-quiet);
      }
      .badge {
        display: inline-flex;
        align-items: center;
        gap: 0.4rem;
        margin: 0.7rem 0 0.2rem;
        padding: 0.15rem 0.65rem 0.15rem 0.5rem;
        border-radius: 2rem;
        border: 1px solid currentColor;
        font-size: var(--size-small);
      }
      .badge::before {
        content: '';
        width: 0.5rem;
        height: 0.5rem;
        border-radius: 50%;
        background: currentColor;
      }
      .surveyed {
        color: var(--surveyed);
      }
      .approximate {
        color: var(--approximate);
      }
      .modelled {
        color: var(--modelled);
      }
      .note {
        margin: 0 0 0.5rem;
        font-size: var(--size-small);
        color: var(--text-quiet);
      }
      dl {
        display: grid;
        grid-template-columns: minmax(5.5rem, auto) 1fr;
        gap: 0.35rem 0.9rem;
        margin: 0.6rem 0 0;
        font-size: var(--size-body);
      }
      dt {
        color: var(--text-quiet);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
        font-variant-numeric: tabular-nums;
      }
      .origin {
        margin-top: 0.8rem;
        padding-top: 0.6rem;
        border-top: 1px solid var(--line);
        font-size: var(--size-small);
      }
      .origin dl {
        margin: 0;
        font-size: inherit;
      }
      summary {
        cursor: pointer;
        color: var(--text-quiet);
      }
      .origin summary + dl {
        grid-template-columns: minmax(0, 2fr) minmax(0, 3fr);
        margin-top: 0.4rem;
      }
      dt {
        overflow-wrap: anywhere;
      }
      @media (max-width: 40rem) {
        section {
          width: auto;
          max-width: none;
          max-height: 40vh;
        }
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    const selection = this.app.state.selection.value;
    if (!selection) return nothing;
    return html`<section class="glass" role="region" aria-live="polite" aria-label=${this.t('objectDetails')}>
      ${this.#head(selection)} ${selection.attributes ? this.#body(selection) : html`<p class="note">${this.t('loadingObject')}</p>`}
    </section>`;
  }

  #head(selection: Selection): TemplateResult {
    const names = selection.attributes as { name?: string | null; name_en?: string | null } | null;
    const name = names ? nameIn(this.language, names) : null;
    const other = names ? nameIn(this.language === 'zh' ? 'en' : 'zh', names) : null;
    return html`<div class="head">
      <div>
        <h2>${textOr(this.language, `layer.${selection.layer}`, selection.layer)}</h2>
        <p class="name">${name ?? this.t('unnamed')}</p>
        ${other !== null && other !== name ? html`<p class="other">${other}</p>` : nothing}
      </div>
      <button
        class="icon"
        aria-label=${this.t('close')}
        title=${this.t('close')}
        @click=${() => {
          this.app.clearSelection();
        }}
      >
        ${closeIcon}
      </button>
    </div>`;
  }

  #body(selection: Selection): TemplateResult {
    const attributes = selection.attributes ?? {};
    const provenance = provenances.find((kind) => kind === attributes.provenance);
    const rows = attributeRows(attributes, this.language);
    return html`${provenance ? this.#badge(provenance) : nothing}
      <dl>
        ${rows.map(
          (row) =>
            html`<dt>${textOr(this.language, `attribute.${row.key}`, row.key)}</dt>
              <dd data-attribute=${row.key}>${row.value}</dd>`,
        )}
      </dl>
      ${this.#said(selection)} ${this.#origin(selection)}`;
  }

  /** What else the source says: its keys and values as they are. */
  #said(selection: Selection): TemplateResult | typeof nothing {
    const rows = sourceRows(selection.attributes ?? {});
    if (rows.length === 0) return nothing;
    return html`<details class="origin">
      <summary>${this.t('sourceAttributes')} (${rows.length})</summary>
      <dl>
        ${rows.map(
          (row) =>
            html`<dt>${row.key}</dt>
              <dd data-said=${row.key}>${row.value}</dd>`,
        )}
      </dl>
    </details>`;
  }

  #badge(kind: Provenance): TemplateResult {
    return html`<span class="badge ${kind}">${this.t(`provenance.${kind}`)}</span>
      <p class="note">${this.t(`provenance.${kind}.note`)}</p>`;
  }

  #origin(selection: Selection): TemplateResult | typeof nothing {
    const city = this.app.state.city.value;
    const layer = city && describeLayer(city, selection.layer);
    if (!layer) return nothing;
    const row = (key: 'attribution' | 'attribute.licence', value: string): TemplateResult | typeof nothing =>
      value === '' ? nothing : html`<dt>${this.t(key)}</dt><dd>${value}</dd>`;
    return html`<div class="origin">
      <dl>
        ${row('attribute.licence', layer.licence)}
        ${layer.url === null
          ? row('attribution', layer.attribution)
          : html`<dt>${this.t('attribution')}</dt>
              <dd><a href=${layer.url} target="_blank" rel="noopener noreferrer">${layer.attribution}</a></dd>`}
      </dl>
    </div>`;
  }
}

customElements.define('sc-object', ObjectPanel);
