// A Kafka client in JavaScript, for KafkaJsITCase:
//
//   node client.js produce BROKER TOPIC   sends each record that standard input names
//   node client.js consume BROKER COUNT TOPIC...   prints so many committed records of the topics
//
// A record is one line of JSON: transaction (null, "commit" or "abort"; produce only), topic,
// partition, key, value and headers, a list of [name, value]. Bytes are in hexadecimal, absent ones
// null.
import { createInterface } from 'node:readline'
import kafkajs from 'kafkajs'

const { CompressionTypes, Kafka, logLevel } = kafkajs
const [mode, broker, ...rest] = process.argv.slice(2)
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [broker], logLevel: logLevel.ERROR })

const bytes = (hex) => (hex === null ? null : Buffer.from(hex, 'hex'))
const hex = (buffer) => (buffer === null ? null : Buffer.from(buffer).toString('hex'))

/** kafkajs takes headers of one name as a list. */
function grouped(headers) {
  const all = {}
  for (const [name, value] of headers) {
    ;(all[name] ??= []).push(bytes(value))
  }
  return all
}

/** A name with several values is a list; else it is a buffer. */
function listed(headers) {
  return Object.entries(headers).flatMap(([name, values]) =>
    (Array.isArray(values) ? values : [values]).map((value) => [name, hex(value)]),
  )
}

async function produce(topic) {
  const batches = { plain: [], commit: [], abort: [] }
  for await (const line of createInterface({ input: process.stdin })) {
    const { transaction, key, value, headers } = JSON.parse(line)
    batches[transaction ?? 'plain'].push({ key: bytes(key), value: bytes(value), headers: grouped(headers) })
  }
  const sent = (messages) => ({ topic, messages, acks: -1, compression: CompressionTypes.GZIP })
  const plain = kafka.producer()
  await plain.connect()
  await plain.send(sent(batches.plain))
  await plain.disconnect()

  const producer = kafka.producer({ transactionalId: 'kafkajs', idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (const end of ['abort', 'commit']) {
    const transaction = await producer.transaction()
    await transaction.send(sent(batches[end]))
    await transaction[end]()
  }
  await producer.disconnect()
}

async function consume(count, topics) {
  const consumer = kafka.consumer({ groupId: 'kafkajs', readUncommitted: false })
  await consumer.connect()
  await consumer.subscribe({ topics, fromBeginning: true })
  let left = Number(count)
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
    consumer
      .run({
        eachMessage: async ({ topic, partition, message }) => {
          const { key, value, headers } = message
          console.log(
            JSON.stringify({ topic, partition, key: hex(key), value: hex(value), headers: listed(headers) }),
          )
          if (--left === 0) {
            resolve()
          }
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
}

await (mode === 'produce' ? produce(rest[0]) : consume(rest[0], rest.slice(1)))
