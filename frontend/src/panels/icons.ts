/** Line icons, drawn here so that nothing has to be fetched. */

import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';

function icon(shape: SVGTemplateResult): TemplateResult {
  return html`<svg
    viewBox="0 0 24 24"
    fill="none"
    stroke="currentColor"
    stroke-width="1.7"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
  >
    ${shape}
  </svg>`;
}

export const searchIcon = icon(svg`<circle cx="11" cy="11" r="6.5" /><path d="m16 16 4.5 4.5" />`);
export const homeIcon = icon(svg`<path d="M4 11.5 12 5l8 6.5M6.5 10v9h11v-9" />`);
export const helpIcon = icon(
  svg`<circle cx="12" cy="12" r="8.5" /><path d="M9.6 9.5a2.5 2.5 0 1 1 3.4 2.4c-.7.3-1 .8-1 1.6v.3M12 16.8v.1" />`,
);
export const closeIcon = icon(svg`<path d="m6 6 12 12M18 6 6 18" />`);
export const layersIcon = icon(svg`<path d="m12 4 8.5 4.5L12 13 3.5 8.5zM4 12.6l8 4.2 8-4.2M4 16.4l8 4.2 8-4.2" />`);
export const sunIcon = icon(
  svg`<circle cx="12" cy="12" r="4" /><path d="M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4" />`,
);
export const moonIcon = icon(svg`<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z" />`);
