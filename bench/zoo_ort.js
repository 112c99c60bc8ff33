// SPDX-License-Identifier: Apache-2.0
// Does ONNX Runtime compute what facet does from the file that facet writes?
//   build/bench/bench_zoo_dump NETWORK 0 2 plain 2 1 FOLDER onnx
//   NODE_PATH=... node bench/zoo_ort.js FOLDER
// Prints the largest difference over the largest number; fails past 1e-4.
const fs = require('fs');
const ort = require('onnxruntime-node');

async function main() {
  const folder = process.argv[2];
  const arrays = {};
  const data = fs.openSync(`${folder}/data.bin`, 'r');
  for (const line of fs.readFileSync(`${folder}/index.tsv`, 'utf8').trim()
    .split('\n')) {
    const [kind, , sizes, at] = line.split('\t');
    if (kind !== 'input' && kind !== 'engine') continue;
    const dims = sizes.split(',').map(Number);
    const numbers = new Float32Array(dims.reduce((a, b) => a * b));
    fs.readSync(data, numbers, 0, numbers.byteLength, Number(at));
    arrays[kind] = { dims, numbers };
  }
  const session = await ort.InferenceSession.create(`${folder}/network.onnx`);
  const { dims, numbers } = arrays.input;
  const answer = await session.run({
    [session.inputNames[0]]: new ort.Tensor('float32', numbers, dims),
  });
  const theirs = answer[session.outputNames[0]].data;
  let difference = 0, largest = 0;
  arrays.engine.numbers.forEach((x, i) => {
    difference = Math.max(difference, Math.abs(x - theirs[i]));
    largest = Math.max(largest, Math.abs(x));
  });
  console.log((difference / largest).toExponential(1));
  if (!(difference <= 1e-4 * largest)) process.exit(1);
}
main().catch((e) => { console.error(e.message); process.exit(1); });
