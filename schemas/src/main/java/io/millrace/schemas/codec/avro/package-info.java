/** Records as Avro binary, and the schemas that were released. */
package io.millrace.schemas.codec.avro;
