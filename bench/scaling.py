#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the growth of a training past this machine would be, as a model.

    scaling.py BUILD_FOLDER [NETWORK THREADS BATCH STEPS]
    scaling.py --json FILE      from a line that bench_parallel has printed

Measures a step of one process (bench_parallel) and prints, as Markdown, what
the model of docs/design/data-parallel.md says of it on 1 to 512 hosts of one
process each, every host with the same BATCH of its own:

  a sum of B bytes over N hosts, by a ring:
      2 (N - 1) / N * B / bandwidth + 2 ceil(log2 N) * latency
  buckets go one after the other, each when it is ready; what of that is not
  over when the backward pass ends is waited for
  batch statistics are waited for one sum after the other
"""
import json
import math
import pathlib
import subprocess
import sys

NETWORKS = [  # name, bytes a second, seconds of a message
    ('10 Gbit/s Ethernet, TCP', 1.1e9, 30e-6),
    ('100 Gbit/s, RDMA', 11e9, 2e-6),
]
HOSTS = [1, 8, 64, 512]


def sum_seconds(size, hosts, bandwidth, latency):
    if hosts == 1:
        return 0.0
    return (2 * (hosts - 1) / hosts * size / bandwidth +
            2 * math.ceil(math.log2(hosts)) * latency)


def step_seconds(m, hosts, bandwidth, latency, norms_whole):
    """Seconds of a step, and of those the ones waited for gradients and for
    batch statistics."""
    end = m['backward']
    done = 0.0  # on a clock that starts with the backward pass
    for before_end, size in m['buckets']:
        done = max(done, end - before_end) + sum_seconds(
            size, hosts, bandwidth, latency)
    gradients = max(0.0, done - end) if hosts > 1 else 0.0
    norms = 0.0
    if norms_whole and m['sums']:
        norms = m['sums'] * sum_seconds(
            m['sum_bytes'] / m['sums'], hosts, bandwidth, latency)
    # before the step: is all well?; after the losses: their values
    agree = 2 * sum_seconds(24, hosts, bandwidth, latency)
    return (m['forward'] + m['backward'] + gradients + norms + agree,
            gradients, norms)


def measure(build, network, threads, batch, steps):
    program = pathlib.Path(build) / 'bench' / 'bench_parallel'
    return json.loads(subprocess.run(
        [program, network, threads, batch, steps], check=True,
        stdout=subprocess.PIPE, text=True).stdout)


def report(m):
    size = sum(size for _, size in m['buckets'])
    alone = m['forward'] + m['backward']
    print(f"{m['network']}, {m['threads']} thread(s), {m['batch']} pictures a "
          f"process: forward {1e3 * m['forward']:.0f} ms, backward "
          f"{1e3 * m['backward']:.0f} ms, {m['batch'] / alone:.1f} pictures/s.\n"
          f"{m['parameters']} parameters: {size / 1e6:.2f} MB of gradients a "
          f"step in {len(m['buckets'])} buckets, the last one ready "
          f"{1e3 * min(t for t, _ in m['buckets']):.1f} ms before the end; "
          f"{m['sums']} sums of batch statistics, "
          f"{m['sum_bytes'] / 1e3:.0f} kB.\n")
    print('| network | norms | hosts | step, ms | waiting for gradients, ms | '
          'for statistics, ms | pictures/s | of ideal |')
    print('|---|---|---|---|---|---|---|---|')
    for name, bandwidth, latency in NETWORKS:
        for whole in (True, False):
            for hosts in HOSTS:
                step, gradients, norms = step_seconds(
                    m, hosts, bandwidth, latency, whole)
                print(f"| {name} | {'whole' if whole else 'own'} | {hosts} | "
                      f"{1e3 * step:.1f} | {1e3 * gradients:.1f} | "
                      f"{1e3 * norms:.1f} | {hosts * m['batch'] / step:.0f} | "
                      f"{100 * alone / step:.0f} % |")


def main():
    if len(sys.argv) == 3 and sys.argv[1] == '--json':
        report(json.loads(pathlib.Path(sys.argv[2]).read_text()))
        return 0
    if len(sys.argv) not in (2, 6):
        print(__doc__, file=sys.stderr)
        return 2
    report(measure(sys.argv[1], *(sys.argv[2:] or
                                  ['mobilefacenet', '2', '64', '5'])))
    return 0


sys.exit(main())
