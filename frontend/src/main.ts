/** Starts the page: the panels at once, the map as soon as the server has said what the city is. */

import { Api } from './core/api';
import { App } from './core/app';
import { nameIn, text } from './core/i18n';
import { readOptions } from './core/options';
import { State } from './core/state';
import { Page } from './panels/page';
import { exposeHandle } from './testHandle';
import type { CityMap } from './three/cityMap';

const reducedMotion = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
const options = readOptions(window.location.search, navigator.languages, reducedMotion);
const state = new State(options);
const app = new App(state, new Api());

// The map's code comes in its own file, while the city's description is on its way.
const mapCode = import('./three/start');

const page = new Page();
page.app = app;
document.body.append(page);
titlePage();
state.language.subscribe(titlePage);
state.city.subscribe(titlePage);
document.addEventListener('keydown', pressed);
exposeHandle(app, start());

async function start(): Promise<CityMap> {
  const city = await app.api.city().catch((cause: unknown) => {
    state.obstacle.set('noCity');
    throw cause;
  });
  state.city.set(city);
  const { startMap } = await mapCode;
  const map = startMap(app, city, options, {
    picture: element('picture'),
    labels: element('labels'),
    panels: () => page.covered(),
  });
  if (!map) throw new Error('WebGL 2 is missing');
  return map;
}

function titlePage(): void {
  const language = state.language.value;
  const city = state.city.value;
  const name = city ? (nameIn(language, { name: city.title.zh, name_en: city.title.en }) ?? city.name) : '山城';
  document.title = text(language, 'pageTitle', { city: name });
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
}

function pressed(event: KeyboardEvent): void {
  const typing = event.composedPath().some((node) => node instanceof HTMLInputElement && node.type === 'text');
  if (event.key === 'Escape' && !typing) {
    app.clearSelection();
    state.helpShown.set(false);
  } else if (event.key === '/' && !typing) {
    event.preventDefault();
    page.focusSearch();
  }
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html lacks #${id}`);
  return found;
}
