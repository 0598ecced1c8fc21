/** The hour of the picture. */

import { css, html, type TemplateResult } from 'lit';
import { formatHour } from '../core/i18n';
import { moonIcon, sunIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

const noon = 10.5;
const evening = 20.5;

export class TimePanel extends Panel {
  static override styles = [
    glass,
    controls,
    css`
      section {
        display: flex;
        align-items: center;
        gap: 0.5rem;
        padding: 0.3rem 0.6rem 0.3rem 0.4rem;
        width: min(27rem, 94vw);
      }
      input {
        flex: 1;
        min-width: 0;
        margin: 0;
        appearance: none;
        height: 1.6rem;
        background: none;
        cursor: pointer;
      }
      input::-webkit-slider-runnable-track {
        height: 0.32rem;
        border-radius: 1rem;
        background: var(--day-ramp);
      }
      input::-moz-range-track {
        height: 0.32rem;
        border-radius: 1rem;
        background: var(--day-ramp);
      }
      input::-webkit-slider-thumb {
        appearance: none;
        width: 1rem;
        height: 1rem;
        margin-top: -0.34rem;
        border-radius: 50%;
        border: 2px solid var(--thumb-edge);
        background: var(--thumb);
      }
      input::-moz-range-thumb {
        width: 0.8rem;
        height: 0.8rem;
        border-radius: 50%;
        border: 2px solid var(--thumb-edge);
        background: var(--thumb);
      }
      output {
        min-width: 3.1rem;
        text-align: right;
        font-variant-numeric: tabular-nums;
        font-weight: 600;
      }
    `,
  ];

  override render(): TemplateResult {
    const { hour } = this.app.state;
    const set = (value: number) => () => {
      hour.set(value);
    };
    return html`<section class="glass" aria-label=${this.t('time')}>
      <button class="icon" title=${this.t('day')} aria-label=${this.t('day')} @click=${set(noon)}>${sunIcon}</button>
      <input
        type="range"
        min="0"
        max="24"
        step="0.25"
        aria-label=${this.t('time')}
        aria-valuetext=${formatHour(hour.value)}
        .value=${String(hour.value)}
        @input=${(event: Event) => {
          hour.set(Number((event.target as HTMLInputElement).value));
        }}
      />
      <button class="icon" title=${this.t('night')} aria-label=${this.t('night')} @click=${set(evening)}>${moonIcon}</button>
      <output>${formatHour(hour.value)}</output>
    </section>`;
  }
}

customElements.define('sc-time', TimePanel);
