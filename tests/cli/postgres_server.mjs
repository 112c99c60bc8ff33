// SPDX-License-Identifier: Apache-2.0
// PostgreSQL with pgvector for tests, out of npm packages: PGlite is the real
// server in one process, and this the wire to it. One connection is served at a
// time, others wait.
//   node postgres_server.mjs NODE_MODULES DATA PORT [MISHAP]
// Prints "ready PORT". A mishap happens once: `plain`, pgvector is not there to
// be created; `copy`, the server dies when rows come; `search`, `before-commit`,
// `after-commit`: the connection breaks there.
import { createServer } from 'node:net'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules, data, port, mishap] = process.argv.slice(2)
const require = createRequire(`${modules}/here.js`)
const load = name => import(pathToFileURL(require.resolve(name)))
const { PGlite } = await load('@electric-sql/pglite')
const { vector } = await load('@electric-sql/pglite-pgvector')
const extensions = mishap === 'plain' ? {} : { vector }
const db = await PGlite.create(data, { extensions })

const type = message => String.fromCharCode(message[0])
const answer = (letter, body) => {
  const head = Buffer.alloc(5)
  head.write(letter)
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}
const run = async bytes => Buffer.from(await db.execProtocolRaw(bytes))

// PGlite wants what COPY is to read together with the COPY itself. So a COPY
// waits here for its rows, answered with "go on, in binary" (G); the server's
// own G comes too late and is left out.
const copies = message => type(message) === 'Q' &&
  /^COPY .* FROM STDIN/.test(message.toString('latin1', 5))
const withoutG = bytes =>
  type(bytes) === 'G' ? bytes.subarray(1 + bytes.readInt32BE(1)) : bytes

let unhurt = true
function strikes (kind, bytes, words) {
  const now = unhurt && mishap === kind && bytes.toString('latin1').includes(words)
  unhurt = unhurt && !now
  return now
}

function conversation (socket) {
  let held = [] // messages up to one that wants an answer
  let copying = false
  return async message => {
    const letter = type(message)
    if (letter === 'X') return socket.end()
    held.push(message)
    if (copies(message)) {
      copying = true
      return socket.write(answer('G', Buffer.from([1, 0, 0])))
    }
    if (!(copying ? 'cf' : 'QSH').includes(letter)) return
    const said = Buffer.concat(held)
    held = []
    if (strikes('copy', said, 'COPY')) process.exit(1)
    if (strikes('search', said, '<#>') ||
        strikes('before-commit', said, 'COMMIT')) return socket.destroy()
    const bytes = await run(said)
    if (strikes('after-commit', said, 'COMMIT')) return socket.destroy()
    socket.write(copying ? withoutG(bytes) : bytes)
    copying = false
  }
}

async function serve (socket) {
  let bytes = Buffer.alloc(0)
  let started = false
  const take = conversation(socket)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk])
    for (;;) {
      const head = started ? 1 : 0 // the first message has no letter
      if (bytes.length < head + 4) break
      const length = head + bytes.readInt32BE(head)
      if (bytes.length < length) break
      const message = bytes.subarray(0, length)
      bytes = bytes.subarray(length)
      if (started) {
        await take(message)
      } else if (length === 8) { // asks for encryption: no
        socket.write('N')
      } else {
        started = true
        socket.write(await run(message))
      }
    }
  }
}

let busy = Promise.resolve()
const server = createServer(socket => {
  socket.on('error', () => {})
  busy = busy.then(async () => {
    await serve(socket).catch(() => {})
    await db.exec('ROLLBACK; RESET ALL') // as the end of a session does
  })
})
server.listen(Number(port), '127.0.0.1',
  () => console.log('ready', server.address().port))
