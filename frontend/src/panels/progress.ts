/** How much of the view has arrived. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { Panel } from './panel';

export class ProgressPanel extends Panel {
  static override styles = css`
    progress {
      position: absolute;
      inset: 0 0 auto;
      width: 100%;
      height: 3px;
      appearance: none;
      border: 0;
      background: transparent;
    }
    progress::-webkit-progress-bar {
      background: transparent;
    }
    progress::-webkit-progress-value {
      background: var(--accent);
    }
    progress::-moz-progress-bar {
      background: var(--accent);
    }
    p {
      position: absolute;
      inset: 50% 0 auto;
      margin: 0;
      text-align: center;
      color: var(--text-quiet);
      letter-spacing: 0.1em;
      pointer-events: none;
    }
  `;

  override render(): TemplateResult | typeof nothing {
    const { loading, obstacle } = this.app.state;
    const { progress, firstPictureShown } = loading.value;
    if (obstacle.value || (progress >= 1 && firstPictureShown)) return nothing;
    const percent = Math.round(progress * 100);
    return html`<progress max="100" .value=${percent} aria-label=${this.t('loadingProgress', { percent })}></progress>
      ${firstPictureShown ? nothing : html`<p role="status">${this.t('loading')}…</p>`}`;
  }
}

customElements.define('sc-progress', ProgressPanel);
