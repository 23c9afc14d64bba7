/* oxlint-disable no-control-regex -- a terminal is spoken to in control characters */
// Draws what a terminal showed as an SVG, for the README:
//   script -qec 'make demo' /dev/null | node scripts/terminal-picture.js >docs/demo.svg
import { readFileSync } from 'node:fs';

const COLOURS = { 31: '#e06c75', 32: '#98c379', 33: '#e5c07b', 36: '#56b6c2' };
const CHARACTER_PX = 7.8;
const LINE_PX = 18;
const MARGIN_PX = 16;

/** The lines as they stand in the end: a carriage return begins a line anew, `\x1b[2K` empties it. */
function screenLines(text) {
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.split(/\r|\x1b\[2K/).at(-1) ?? '');
}

function escapeXml(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** One line as styled spans. */
function spans(line) {
  let style = '';
  let result = '';
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    const codes = /^\x1b\[([0-9;]*)m$/.exec(part);
    if (codes === null) {
      if (part !== '') result += `<tspan${style}>${escapeXml(part)}</tspan>`;
      continue;
    }
    for (const code of (codes[1] || '0').split(';')) {
      if (['0', '39', '22'].includes(code)) style = '';
      else if (code === '1') style = ' font-weight="bold"';
      else if (code === '2') style = ' fill="#7f848e"';
      else if (COLOURS[code]) style = ` fill="${COLOURS[code]}"`;
    }
  }
  return result;
}

const lines = screenLines(readFileSync(0, 'utf8').trimEnd());
const columns = Math.max(...lines.map((line) => line.replaceAll(/\x1b\[[0-9;]*m/g, '').length));
const width = Math.ceil(columns * CHARACTER_PX + 2 * MARGIN_PX);
const height = lines.length * LINE_PX + 2 * MARGIN_PX;
const rows = lines.map(
  (line, index) => `<text x="${MARGIN_PX}" y="${MARGIN_PX + (index + 0.8) * LINE_PX}">${spans(line)}</text>`,
);
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="ui-monospace, DejaVu Sans Mono, monospace" font-size="13" fill="#dcdfe4" xml:space="preserve">
<rect width="100%" height="100%" rx="8" fill="#22252b"/>
${rows.join('\n')}
</svg>
`);
