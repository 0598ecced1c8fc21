/**
 * Completes Vite's list of bundled licences.
 *
 * Vite sees packages; code that one package carries inside another is named here by hand.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Plugin } from 'vite';

// three's `addons/libs/meshopt_decoder.module.js` is meshoptimizer's decoder, compiled to WebAssembly.
const carried = [{ name: 'meshoptimizer (inside three)', identifier: 'MIT', file: 'node_modules/meshoptimizer/LICENSE.md' }];

export function thirdPartyLicences(): Plugin {
  let output = '';
  let root = '';
  return {
    name: 'shancheng:licences',
    apply: 'build',
    enforce: 'post',
    configResolved(config) {
      root = config.root;
      output = join(config.build.outDir, 'THIRD_PARTY_LICENSES.txt');
    },
    writeBundle() {
      const extra = carried.map((entry) => {
        const text = readFileSync(resolve(root, entry.file), 'utf8').trim();
        return `\n## ${entry.name} (${entry.identifier})\n\n${text}\n`;
      });
      writeFileSync(output, readFileSync(output, 'utf8') + extra.join(''));
    },
  };
}
