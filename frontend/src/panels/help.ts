/** How to move and what to ask, in six lines. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { TextKey } from '../core/i18n';
import { closeIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

const lines: readonly TextKey[] = ['help.orbit', 'help.zoom', 'help.pick', 'help.time', 'help.keys'];

export class HelpPanel extends Panel {
  static override styles = [
    glass,
    controls,
    css`
      section {
        width: min(25rem, 94vw);
        padding: 0.8rem 1rem 1rem;
        margin-bottom: var(--gap);
        background: var(--glass-dense);
      }
      .head {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      ul {
        margin: 0.4rem 0 0.8rem;
        padding-left: 1.1rem;
        line-height: 1.65;
      }
      p {
        margin: 0;
        color: var(--text-quiet);
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    const { helpShown } = this.app.state;
    if (!helpShown.value) return nothing;
    return html`<section class="glass" role="dialog" aria-label=${this.t('helpTitle')}>
      <div class="head">
        <h2>${this.t('helpTitle')}</h2>
        <button
          class="icon"
          aria-label=${this.t('close')}
          @click=${() => {
            helpShown.set(false);
          }}
        >
          ${closeIcon}
        </button>
      </div>
      <ul>
        ${lines.map((key) => html`<li>${this.t(key)}</li>`)}
      </ul>
      <p>${this.t('help.api')} <a href="/api/docs">${this.t('help.apiLink')}</a></p>
    </section>`;
  }
}

customElements.define('sc-help', HelpPanel);
