// SPDX-License-Identifier: Apache-2.0
// How long a run takes in ONNX Runtime: node ort.js MODEL THREADS ROUNDS DIMS...
// prints the median milliseconds. NODE_PATH names the folder of
// onnxruntime-node.
const ort = require('onnxruntime-node');

async function main() {
  const [model, threads, rounds, ...dims] = process.argv.slice(2);
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: Number(threads), interOpNumThreads: 1,
    executionMode: 'sequential', graphOptimizationLevel: 'all',
  });
  const shape = dims.map(Number);
  const count = shape.reduce((a, b) => a * b);
  // Noise, as bench/network.c makes it; how fast a runtime is hangs on it.
  let noise = 1;
  const data = Float32Array.from({ length: count }, () => {
    noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
    return noise >>> 24;
  });
  const feeds = {
    [session.inputNames[0]]: new ort.Tensor('float32', data, shape),
  };
  const times = [];
  for (let i = -Math.ceil(rounds / 5); i < rounds; i++) {
    const begin = process.hrtime.bigint();
    await session.run(feeds);
    if (i >= 0) times.push(Number(process.hrtime.bigint() - begin) / 1e6);
  }
  times.sort((a, b) => a - b);
  console.log(times[times.length >> 1].toFixed(4));
}
main().catch((e) => { console.error(e.message); process.exit(1); });
