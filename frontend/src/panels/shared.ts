/** Styles that several panels wear. Colours and sizes come from `tokens.css`. */

import { css } from 'lit';

export const glass = css`
  .glass {
    background: var(--glass);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    box-shadow: var(--shadow);
    backdrop-filter: blur(14px) saturate(1.25);
    color: var(--text);
  }
`;

export const controls = css`
  * {
    box-sizing: border-box;
  }
  button,
  input {
    font: inherit;
    color: inherit;
  }
  button {
    background: none;
    border: 0;
    border-radius: var(--radius-small);
    padding: 0;
    cursor: pointer;
  }
  button:hover {
    background: var(--hover);
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  a {
    color: var(--link);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  h2 {
    margin: 0;
    font-size: var(--size-small);
    font-weight: 600;
    letter-spacing: 0.06em;
    color: var(--text-quiet);
  }
  .icon {
    width: 2.25rem;
    height: 2.25rem;
    display: inline-grid;
    place-items: center;
  }
  .icon svg {
    width: 1.15rem;
    height: 1.15rem;
  }
  .hidden-visually {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;
