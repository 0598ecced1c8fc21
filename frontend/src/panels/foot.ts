/** Whom to thank for what is visible. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { textOr } from '../core/i18n';
import { credits } from '../core/layers';
import { Panel } from './panel';
import { controls } from './shared';

export class AttributionPanel extends Panel {
  static override styles = [
    controls,
    css`
      p {
        margin: 0;
        padding: 0.15rem 0.55rem;
        border-radius: var(--radius-small);
        background: var(--glass-dense);
        color: var(--text-quiet);
        font-size: var(--size-tiny);
        line-height: 1.5;
      }
      p > span:not(:last-child)::after {
        content: ' · ';
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    const city = this.app.state.city.value;
    if (!city) return nothing;
    return html`<p role="contentinfo" aria-label=${this.t('attribution')}>
      ${credits(city, this.app.state.hiddenLayers.value).map((credit) => {
        const layers = credit.layers.map((name) => textOr(this.language, `layer.${name}`, name)).join(', ');
        return credit.url === null
          ? html`<span title=${layers}>${credit.attribution}</span>`
          : html`<span><a href=${credit.url} title=${layers} target="_blank" rel="noopener noreferrer">${credit.attribution}</a></span>`;
      })}
    </p>`;
  }
}

customElements.define('sc-attribution', AttributionPanel);
