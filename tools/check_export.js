// SPDX-License-Identifier: Apache-2.0
// Does a network give the same outputs in facet and in ONNX Runtime?
//   node check_export.js MODEL BATCH HEIGHT WIDTH PROGRAM
// PROGRAM is bench_outputs; NODE_PATH names the folder of onnxruntime-node.
// Prints the largest difference by the largest output; fails above 1e-4.
const { execFileSync } = require('child_process');
const ort = require('onnxruntime-node');

async function main() {
  const [model, batch, height, width, program] = process.argv.slice(2);
  const raw = execFileSync(program, [model, batch, height, width]);
  const ours = new Float32Array(raw.buffer.slice(raw.byteOffset,
    raw.byteOffset + raw.length));
  const session = await ort.InferenceSession.create(model);
  const shape = [batch, 3, height, width].map(Number);
  let noise = 1;
  const x = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    return (noise >>> 24) / 128 - 1;
  });
  const outputs = await session.run({
    [session.inputNames[0]]: new ort.Tensor('float32', x, shape),
  });
  const theirs = outputs[session.outputNames[0]].data;
  if (theirs.length !== ours.length) throw new Error('other lengths');
  let size = 0, off = 0;
  for (let i = 0; i < ours.length; i++) {
    size = Math.max(size, Math.abs(theirs[i]));
    off = Math.max(off, Math.abs(theirs[i] - ours[i]));
  }
  console.log(`${ours.length} outputs, largest difference ` +
    `${(off / size).toExponential(1)} of the largest, wanted 1e-4`);
  if (!(off <= 1e-4 * size)) process.exit(1);
}
main().catch((e) => { console.error(e.message); process.exit(1); });
