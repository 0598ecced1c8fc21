/** What the page says where there will be no picture. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { Panel } from './panel';
import { controls, glass } from './shared';

export class ObstaclePanel extends Panel {
  static override styles = [
    glass,
    controls,
    css`
      div {
        position: fixed;
        inset: 0;
        display: grid;
        place-items: center;
        padding: 1rem;
      }
      section {
        max-width: 32rem;
        padding: 1.6rem 1.8rem;
      }
      h2 {
        font-size: var(--size-title);
        color: var(--text);
        letter-spacing: 0;
      }
      p {
        line-height: 1.7;
        color: var(--text-quiet);
      }
      button {
        padding: 0.5rem 1.1rem;
        background: var(--accent-strong);
      }
    `,
  ];

  override render(): TemplateResult | typeof nothing {
    const obstacle = this.app.state.obstacle.value;
    if (!obstacle) return nothing;
    return html`<div>
      <section class="glass" role="alert">
        <h2>${this.t(`${obstacle}.title`)}</h2>
        <p>${this.t(`${obstacle}.text`)}</p>
        <button
          @click=${() => {
            window.location.reload();
          }}
        >
          ${this.t('tryAgain')}
        </button>
      </section>
    </div>`;
  }
}

customElements.define('sc-obstacle', ObstaclePanel);
