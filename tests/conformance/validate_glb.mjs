// Asks the glTF validator about every .glb below a folder: as written, and again with EXT_meshopt_compression decoded to
// plain buffers by npm's meshoptimizer, a decoder independent of the encoder that wrote the file.
//
//   node validate_glb.mjs NODE_MODULES FOLDER [DECODED]
//
// prints {"files": n, "compressed": n, "issues": [{file, pass, severity, code, pointer, message}], "infos": {code: n}};
// with DECODED, the decoded files are written below that folder, so that others can read them without a decoder.

import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, folder, decodedFolder] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.join(modules, file)).href);
const { validateBytes } = await load('gltf-validator/module.mjs');
const { MeshoptDecoder } = await load('meshoptimizer/meshopt_decoder.mjs');
await MeshoptDecoder.ready;

const NAME = 'EXT_meshopt_compression';
const JSON_CHUNK = 0x4e4f534a;
const BINARY_CHUNK = 0x004e4942;
const SEVERITIES = ['error', 'warning', 'info', 'hint'];

const report = { files: 0, compressed: 0, issues: [], infos: {} };
for (const file of glbFiles(folder)) {
  const bytes = fs.readFileSync(path.join(folder, file));
  report.files += 1;
  await validate(file, 'as written', bytes);
  let decoded;
  try {
    decoded = decode(bytes);
  } catch (error) {
    report.issues.push({ file, pass: 'decoded', severity: 'error', code: 'DECODER', pointer: '', message: `${error}` });
    continue;
  }
  if (decoded !== bytes) {
    report.compressed += 1;
    await validate(file, 'decoded', decoded);
  }
  if (decodedFolder) {
    const target = path.join(decodedFolder, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, decoded);
  }
}
process.stdout.write(JSON.stringify(report));

function glbFiles(root) {
  return fs
    .readdirSync(root, { recursive: true })
    .filter((name) => name.endsWith('.glb'))
    .sort();
}

async function validate(file, pass, bytes) {
  const { issues } = await validateBytes(new Uint8Array(bytes), { uri: file, format: 'glb', maxIssues: 0, writeTimestamp: false });
  for (const { severity, code, pointer, message } of issues.messages) {
    if (severity < 2) {
      report.issues.push({ file, pass, severity: SEVERITIES[severity], code, pointer, message });
    } else {
      report.infos[code] = (report.infos[code] ?? 0) + 1;
    }
  }
}

/** The same asset with one plain buffer; the bytes themselves when nothing in them is compressed. */
function decode(bytes) {
  const { asset, chunk } = readGlb(bytes);
  const views = asset.bufferViews ?? [];
  if (!views.some((view) => view.extensions?.[NAME])) return bytes;
  const parts = [];
  let length = 0;
  for (const view of views) {
    const data = viewData(asset, chunk, view);
    view.buffer = 0;
    view.byteOffset = length;
    drop(view, 'extensions', NAME);
    parts.push(data, Buffer.alloc(-data.length & 7));
    length += data.length + (-data.length & 7);
  }
  asset.buffers = [{ byteLength: length }];
  for (const key of ['extensionsUsed', 'extensionsRequired']) {
    const rest = (asset[key] ?? []).filter((name) => name !== NAME);
    if (rest.length) asset[key] = rest;
    else delete asset[key];
  }
  return writeGlb(asset, Buffer.concat(parts));
}

function viewData(asset, chunk, view) {
  const compressed = view.extensions?.[NAME];
  if (!compressed) return chunk.subarray(view.byteOffset ?? 0, (view.byteOffset ?? 0) + view.byteLength);
  if (asset.buffers[compressed.buffer].uri !== undefined) throw new Error('compressed data lies outside the file');
  const start = compressed.byteOffset ?? 0;
  const source = chunk.subarray(start, start + compressed.byteLength);
  const { count, byteStride: stride, mode, filter } = compressed;
  if (count * stride !== view.byteLength) throw new Error(`count ${count} × stride ${stride} is not ${view.byteLength}`);
  const target = new Uint8Array(count * stride);
  MeshoptDecoder.decodeGltfBuffer(target, count, stride, source, mode, filter ?? 'NONE');
  return Buffer.from(target.buffer);
}

function drop(owner, key, name) {
  delete owner[key]?.[name];
  if (owner[key] && !Object.keys(owner[key]).length) delete owner[key];
}

function readGlb(bytes) {
  const jsonLength = bytes.readUInt32LE(12);
  const asset = JSON.parse(bytes.toString('utf8', 20, 20 + jsonLength));
  return { asset, chunk: bytes.subarray(20 + jsonLength + 8) };
}

function writeGlb(asset, chunk) {
  let json = Buffer.from(JSON.stringify(asset));
  json = Buffer.concat([json, Buffer.alloc(-json.length & 3, 0x20)]);
  const header = Buffer.alloc(20);
  header.write('glTF', 0, 'latin1');
  header.writeUInt32LE(2, 4);
  header.writeUInt32LE(20 + json.length + 8 + chunk.length, 8);
  header.writeUInt32LE(json.length, 12);
  header.writeUInt32LE(JSON_CHUNK, 16);
  const second = Buffer.alloc(8);
  second.writeUInt32LE(chunk.length, 0);
  second.writeUInt32LE(BINARY_CHUNK, 4);
  return Buffer.concat([header, json, second, chunk]);
}
