/** What every panel shares: it redraws when the state changes and speaks the chosen language. */

import { LitElement, type PropertyDeclarations } from 'lit';
import type { App } from '../core/app';
import { text, type TextKey } from '../core/i18n';
import type { Unsubscribe } from '../core/signal';
import type { Language } from '../core/types';

export abstract class Panel extends LitElement {
  static override properties: PropertyDeclarations = { app: { attribute: false } };

  declare app: App;
  #stop: Unsubscribe[] = [];

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = this.app.state.all().map((signal) =>
      signal.subscribe(() => {
        this.requestUpdate();
      }),
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.#stop) stop();
    this.#stop = [];
  }

  protected get language(): Language {
    return this.app.state.language.value;
  }

  protected t(key: TextKey, values: Record<string, string | number> = {}): string {
    return text(this.language, key, values);
  }
}
