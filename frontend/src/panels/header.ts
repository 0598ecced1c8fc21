/** The page's head: which city this is, the search box, language, home and help. */

import { css, html, type TemplateResult } from 'lit';
import { nameIn } from '../core/i18n';
import { helpIcon, homeIcon } from './icons';
import { Panel } from './panel';
import { controls, glass } from './shared';

export class HeaderPanel extends Panel {
  static override styles = [
    glass,
    controls,
    css`
      header {
        display: flex;
        align-items: center;
        gap: 0.35rem;
        padding: 0.4rem 0.5rem 0.4rem 1rem;
      }
      h1 {
        margin: 0 0.7rem 0 0;
        font-size: var(--size-title);
        font-weight: 650;
        letter-spacing: 0.02em;
        white-space: nowrap;
        display: flex;
        align-items: baseline;
        gap: 0.55rem;
      }
      h1 span {
        font-size: var(--size-small);
        font-weight: 400;
        color: var(--text-quiet);
        letter-spacing: 0.04em;
      }
      sc-search {
        flex: 1;
        min-width: 0;
      }
      .language {
        padding: 0 0.7rem;
        height: 2.25rem;
        font-size: var(--size-small);
      }
      @media (max-width: 40rem) {
        header {
          flex-wrap: wrap;
          padding-left: 0.8rem;
        }
        h1 {
          flex: 1;
          margin: 0;
        }
        h1 span {
          display: none;
        }
        sc-search {
          order: 9;
          flex-basis: 100%;
        }
      }
    `,
  ];

  override render(): TemplateResult {
    const { state } = this.app;
    const other = this.language === 'zh' ? 'en' : 'zh';
    return html`<header class="glass">
      <h1>${this.#title()} <span>${this.t('subtitle')}</span></h1>
      <sc-search .app=${this.app}></sc-search>
      <button
        class="icon home"
        title=${this.t('home')}
        aria-label=${this.t('home')}
        @click=${() => {
          this.app.map?.home();
        }}
      >
        ${homeIcon}
      </button>
      <button
        class="language"
        lang=${other === 'zh' ? 'zh-CN' : 'en'}
        aria-label=${this.t('switchLanguageLabel')}
        @click=${() => {
          state.language.set(other);
        }}
      >
        ${this.t('switchLanguage')}
      </button>
      <button
        class="icon help"
        title=${this.t('help')}
        aria-label=${this.t('help')}
        aria-expanded=${state.helpShown.value ? 'true' : 'false'}
        @click=${() => {
          state.helpShown.set(!state.helpShown.value);
        }}
      >
        ${helpIcon}
      </button>
    </header>`;
  }

  #title(): string {
    const city = this.app.state.city.value;
    if (!city) return '山城';
    return nameIn(this.language, { name: city.title.zh, name_en: city.title.en }) ?? city.name;
  }
}

customElements.define('sc-header', HeaderPanel);
