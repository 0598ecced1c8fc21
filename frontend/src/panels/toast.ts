/** A short notice that something went wrong; it leaves by itself. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { Notice } from '../core/state';
import { closeIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

const shown_ms = 8000;

export class ToastPanel extends Panel {
  #timer = 0;
  #last: Notice | null = null;

  static override styles = [
    glass,
    controls,
    css`
      div {
        display: flex;
        align-items: center;
        gap: 0.8rem;
        padding: 0.35rem 0.4rem 0.35rem 1rem;
        max-width: min(34rem, 92vw);
        border-color: var(--alert);
        background: var(--glass-dense);
      }
      span {
        flex: 1;
        overflow-wrap: anywhere;
      }
    `,
  ];

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  override render(): TemplateResult | typeof nothing {
    const notice = this.app.state.notice.value;
    if (notice !== this.#last) this.#restart(notice);
    if (!notice) return nothing;
    return html`<div class="glass" role="alert">
      <span>${notice.text}</span>
      <button class="icon" aria-label=${this.t('close')} @click=${this.#dismiss}>${closeIcon}</button>
    </div>`;
  }

  #restart(notice: Notice | null): void {
    this.#last = notice;
    clearTimeout(this.#timer);
    if (notice) this.#timer = window.setTimeout(this.#dismiss, shown_ms);
  }

  readonly #dismiss = (): void => {
    this.app.state.notice.set(null);
  };
}

customElements.define('sc-toast', ToastPanel);
