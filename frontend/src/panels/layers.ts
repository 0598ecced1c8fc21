/** Layer switches, each with its count and how real it is. */

import { css, html, type TemplateResult } from 'lit';
import { formatCount, textOr } from '../core/i18n';
import { layerRows, type LayerRow } from '../core/layers';
import { layersIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

export class LayersPanel extends Panel {
  // A phone has no room for the list beside the map.
  #open = window.matchMedia('(min-width: 56rem)').matches;

  static override styles = [
    glass,
    controls,
    css`
      section {
        width: 14.5rem;
        max-width: 80vw;
        padding: 0.45rem;
      }
      section.closed {
        width: auto;
      }
      .head {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        width: 100%;
        padding: 0.35rem 0.55rem;
      }
      .head svg {
        width: 1.05rem;
        height: 1.05rem;
        color: var(--text-quiet);
      }
      ul {
        list-style: none;
        margin: 0.15rem 0 0;
        padding: 0;
        max-height: calc(100vh - 17rem);
        overflow: auto;
      }
      label {
        display: grid;
        grid-template-columns: auto 1fr auto;
        align-items: center;
        gap: 0.6rem;
        padding: 0.3rem 0.55rem;
        border-radius: var(--radius-small);
        cursor: pointer;
      }
      label:hover {
        background: var(--hover);
      }
      input {
        appearance: none;
        margin: 0;
        width: 1.75rem;
        height: 1rem;
        border-radius: 1rem;
        background: var(--switch-off);
        position: relative;
        cursor: pointer;
        transition: background 0.15s;
      }
      input::after {
        content: '';
        position: absolute;
        inset: 0.14rem auto 0.14rem 0.14rem;
        width: 0.72rem;
        border-radius: 50%;
        background: var(--text);
        transition: transform 0.15s;
      }
      input:checked {
        background: var(--accent-strong);
      }
      input:checked::after {
        transform: translateX(0.75rem);
      }
      .count {
        color: var(--text-quiet);
        font-size: var(--size-small);
        font-variant-numeric: tabular-nums;
      }
      @media (prefers-reduced-motion: reduce) {
        input,
        input::after {
          transition: none;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    const city = this.app.state.city.value;
    const rows = city ? layerRows(city) : [];
    return html`<section class=${this.#open ? 'glass' : 'glass closed'} aria-label=${this.t('layers')}>
      <button
        class="head"
        aria-expanded=${this.#open ? 'true' : 'false'}
        @click=${() => {
          this.#open = !this.#open;
          this.requestUpdate();
        }}
      >
        ${layersIcon}
        <h2>${this.t('layers')}</h2>
      </button>
      <ul ?hidden=${!this.#open}>
        ${rows.map((row) => this.#row(row))}
      </ul>
    </section>`;
  }

  #row(row: LayerRow): TemplateResult {
    const { state } = this.app;
    return html`<li>
      <label>
        <input
          type="checkbox"
          role="switch"
          name=${row.name}
          .checked=${!state.hiddenLayers.value.has(row.name)}
          @change=${() => {
            state.toggleLayer(row.name);
          }}
        />
        <span>${textOr(this.language, `layer.${row.name}`, row.name)}</span>
        <span class="count">${row.count === null ? '' : formatCount(this.language, row.count)}</span>
      </label>
    </li>`;
  }
}

customElements.define('sc-layers', LayersPanel);
