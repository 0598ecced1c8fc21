/** One line that always says what the picture rests on, and the shares of each layer behind it. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { formatCount, textOr } from '../core/i18n';
import { layersByProvenance, provenanceShares, type Share } from '../core/layers';
import { provenances, type CityInfo } from '../core/types';
import { Panel } from './panel';
import { controls, glass } from './shared';

export class ProvenancePanel extends Panel {
  #open = false;

  static override styles = [
    glass,
    controls,
    css`
      :host {
        display: block;
      }
      .line {
        display: flex;
        flex-wrap: wrap;
        gap: 0.1rem 0.9rem;
        padding: 0.35rem 0.75rem;
        font-size: var(--size-small);
        color: var(--text-quiet);
        text-align: left;
        border-radius: var(--radius);
      }
      .line span {
        white-space: nowrap;
      }
      .dot {
        display: inline-block;
        width: 0.5rem;
        height: 0.5rem;
        border-radius: 50%;
        margin-right: 0.35rem;
      }
      .surveyed {
        background: var(--surveyed);
      }
      .approximate {
        background: var(--approximate);
      }
      .modelled {
        background: var(--modelled);
      }
      .details {
        position: absolute;
        z-index: 3;
        left: 0;
        bottom: calc(100% + 0.5rem);
        padding: 0.7rem 0.9rem 0.8rem;
        width: min(26rem, 92vw);
        background: var(--glass-dense);
      }
      dl {
        margin: 0.5rem 0 0;
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.3rem 0.8rem;
        font-size: var(--size-small);
      }
      dt {
        white-space: nowrap;
      }
      dd {
        margin: 0;
        color: var(--text-quiet);
      }
      .counts {
        font-variant-numeric: tabular-nums;
      }
      .counts span {
        margin-right: 0.7rem;
        white-space: nowrap;
      }
      hr {
        border: 0;
        border-top: 1px solid var(--line);
        margin: 0.7rem 0 0;
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    const city = this.app.state.city.value;
    if (!city) return nothing;
    const shares = provenanceShares(city, this.app.state.hiddenLayers.value);
    return html`${this.#open ? this.#details(shares) : nothing}
      <button
        class="line glass"
        aria-expanded=${this.#open ? 'true' : 'false'}
        @click=${() => {
          this.#open = !this.#open;
          this.requestUpdate();
        }}
      >
        <span class="hidden-visually">${this.t('provenance')}:</span>
        ${this.#line(city, shares)}
      </button>`;
  }

  #line(_city: CityInfo, shares: readonly Share[]): TemplateResult[] {
    const byKind = layersByProvenance(shares);
    const join = this.language === 'zh' ? '、' : ', ';
    return provenances
      .filter((kind) => byKind[kind].length > 0)
      .map(
        (kind) =>
          html`<span
            ><i class="dot ${kind}"></i>${this.t(`provenance.${kind}`)}${this.language === 'zh' ? '：' : ': '}${byKind[kind]
              .map((name) => textOr(this.language, `layer.${name}`, name))
              .join(join)}</span
          >`,
      );
  }

  #details(shares: readonly Share[]): TemplateResult {
    return html`<div class="details glass" role="region" aria-label=${this.t('provenance')}>
      <h2>${this.t('provenance')}</h2>
      <dl>
        ${provenances.map(
          (kind) =>
            html`<dt><i class="dot ${kind}"></i>${this.t(`provenance.${kind}`)}</dt>
              <dd>${this.t(`provenance.${kind}.note`)}</dd>`,
        )}
      </dl>
      <hr />
      <dl>
        ${shares.map(
          (share) =>
            html`<dt>${textOr(this.language, `layer.${share.layer}`, share.layer)}</dt>
              <dd class="counts">${this.#counts(share)}</dd>`,
        )}
      </dl>
    </div>`;
  }

  #counts(share: Share): TemplateResult[] {
    return provenances
      .filter((kind) => share.counts[kind] > 0)
      .map(
        (kind) =>
          html`<span
            ><i class="dot ${kind}"></i>${share.total === 1
              ? this.t(`provenance.${kind}`)
              : formatCount(this.language, share.counts[kind])}</span
          >`,
      );
  }
}

customElements.define('sc-provenance', ProvenancePanel);
