/** Lays the panels around the map. */

import { css, html, LitElement, type PropertyDeclarations, type TemplateResult } from 'lit';
import type { App } from '../core/app';
import './foot';
import './header';
import './help';
import './layers';
import './object';
import './obstacle';
import './progress';
import './provenance';
import './search';
import './time';
import './toast';

const coveringPanels = ['sc-header', 'sc-layers', 'sc-object', 'sc-help', 'sc-time', 'sc-provenance', 'sc-attribution'];

export class Page extends LitElement {
  static override properties: PropertyDeclarations = { app: { attribute: false } };
  declare app: App;

  static override styles = css`
    :host {
      position: fixed;
      inset: 0;
      pointer-events: none;
      display: grid;
      grid-template:
        'head head' auto
        'left right' minmax(0, 1fr)
        'foot foot' auto / minmax(0, 1fr) minmax(0, 1fr);
      gap: var(--gap);
      padding: var(--gap);
    }
    sc-header,
    sc-layers,
    sc-object,
    sc-help,
    sc-time,
    sc-provenance,
    sc-attribution,
    sc-toast,
    sc-obstacle {
      pointer-events: auto;
    }
    sc-header {
      grid-area: head;
      justify-self: start;
      width: min(46rem, 100%);
      z-index: 5;
    }
    sc-layers {
      grid-area: left;
      justify-self: start;
      align-self: start;
    }
    .right {
      grid-area: right;
      justify-self: end;
      align-self: start;
      display: grid;
      justify-items: end;
    }
    footer {
      grid-area: foot;
      display: grid;
      grid-template-columns: minmax(0, 1fr) auto minmax(0, 1fr);
      align-items: end;
      gap: var(--gap);
    }
    sc-provenance {
      justify-self: start;
      position: relative;
    }
    sc-attribution {
      justify-self: end;
      text-align: right;
    }
    sc-toast {
      position: fixed;
      left: 50%;
      bottom: 6.5rem;
      transform: translateX(-50%);
      z-index: 4;
    }
    sc-obstacle {
      z-index: 6;
    }
    sc-progress {
      position: fixed;
      inset: 0;
    }
    @media (max-width: 64rem) {
      footer {
        grid-template-columns: minmax(0, 1fr);
        justify-items: center;
        gap: 0.4rem;
      }
      sc-provenance,
      sc-attribution {
        justify-self: center;
        text-align: center;
      }
      sc-time {
        order: -1;
      }
    }
    @media (max-width: 40rem) {
      .right {
        position: fixed;
        inset: auto var(--gap) 9.4rem;
        justify-items: stretch;
      }
    }
  `;

  override render(): TemplateResult {
    const { app } = this;
    return html`<sc-progress .app=${app}></sc-progress>
      <sc-header .app=${app}></sc-header>
      <sc-layers .app=${app}></sc-layers>
      <div class="right">
        <sc-help .app=${app}></sc-help>
        <sc-object .app=${app}></sc-object>
      </div>
      <footer>
        <sc-provenance .app=${app}></sc-provenance>
        <sc-time .app=${app}></sc-time>
        <sc-attribution .app=${app}></sc-attribution>
      </footer>
      <sc-toast .app=${app}></sc-toast>
      <sc-obstacle .app=${app}></sc-obstacle>`;
  }

  /** Where panels cover the map. */
  covered(): DOMRect[] {
    return coveringPanels
      .map((name) => this.renderRoot.querySelector(name)?.getBoundingClientRect())
      .filter((box): box is DOMRect => box !== undefined && box.width > 0);
  }

  focusSearch(): void {
    const header = this.renderRoot.querySelector('sc-header');
    header?.shadowRoot?.querySelector<HTMLElement>('sc-search')?.focus();
  }
}

customElements.define('sc-page', Page);
