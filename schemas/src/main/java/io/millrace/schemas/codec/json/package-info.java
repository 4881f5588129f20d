/** Records as JSON by their Avro schemas, and the faults of invalid ones. */
package io.millrace.schemas.codec.json;
