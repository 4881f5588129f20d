// Writes the files of this folder: node make_files.mjs FOLDER
// With @duckdb/node-api 1.5.6 and, for pages of version 2, @dsnp/parquetjs 1.9.3.
import { DuckDBInstance } from '@duckdb/node-api';
import pq from '@dsnp/parquetjs';

const db = await (await DuckDBInstance.create(':memory:')).connect();
await db.run("SET preserve_insertion_order=true; SET threads=1");
await db.run(`CREATE TABLE t AS SELECT i AS number,
 CASE WHEN i % 17 = 5 THEN NULL ELSE 'text ' || i || ' ü☕' END AS text,
 CASE WHEN i % 7 = 0 THEN NULL WHEN i % 7 = 1 THEN [] ELSE [ 'a' || i, NULL, 'b' ] END AS tags,
 CASE WHEN i % 5 = 3 THEN NULL ELSE {'body': CASE WHEN i % 11 = 4 THEN NULL ELSE 'body ' || i END, 'to': [{'name':'n' || i, 'at': i}], 'at': i * 1000000007} END AS mail,
 MAP { 'k' || (i % 3): i, 'z': NULL } AS counts,
 (i * 1.25)::DECIMAL(9,2) AS price, (i * 1000000000000.01)::DECIMAL(30,2) AS large,
 TIMESTAMP '2026-11-22 18:00:00' + INTERVAL (i) SECOND AS at, DATE '2026-01-01' + i::INTEGER AS day,
 CASE WHEN i = 13 THEN 'NaN'::FLOAT ELSE i / 3.0 END AS f, CASE WHEN i = 54 THEN '-Infinity'::DOUBLE ELSE i / 7.0 END AS x,
 ('\\xFF\\x00' || chr((65 + i % 26)::INTEGER))::BLOB AS bytes, i % 2 = 0 AS even, i::TINYINT AS tiny, 'd' || (i % 4) AS "name.with dots", 'const' AS const
 FROM range(97) r(i)`);
const out = process.argv[2];
const make = (name, opts) => db.run(`COPY t TO '${out}/${name}' (FORMAT parquet, ${opts})`);
await make('snappy.parquet', "COMPRESSION snappy");
await make('zstd-v2.parquet', "COMPRESSION zstd, PARQUET_VERSION V2, ROW_GROUP_SIZE 40");
await make('gzip.parquet', "COMPRESSION gzip");
await make('lz4.parquet', "COMPRESSION lz4_raw");
await make('plain.parquet', "COMPRESSION uncompressed");
await make('brotli.parquet', "COMPRESSION brotli");
await db.run(`COPY (SELECT number, text, tags, mail, price, large::VARCHAR AS large, "at"::VARCHAR AS "at", even FROM t) TO '${out}/rows.jsonl' (FORMAT json)`);

const schema = new pq.ParquetSchema({ number: { type: 'INT64' }, text: { type: 'UTF8', optional: true, compression: 'GZIP' },
  tags: { type: 'UTF8', repeated: true, compression: 'SNAPPY' }, mail: { optional: true, fields: { body: { type: 'UTF8', optional: true }, at: { type: 'DOUBLE' } } } });
const w = await pq.ParquetWriter.openFile(schema, `${out}/pages-v2.parquet`, { useDataPageV2: true, pageSize: 300, rowGroupSize: 40 });
for (let i = 0; i < 97; i++) await w.appendRow({ number: i, ...(i % 17 == 5 ? {} : { text: `text ${i} ü☕` }), tags: i % 7 < 2 ? [] : ['a' + i, 'b'], ...(i % 5 == 3 ? {} : { mail: { ...(i % 11 == 4 ? {} : { body: `body ${i}` }), at: i / 8 } }) });
await w.close();
