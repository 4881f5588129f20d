/** One record as JSON by its Avro schema: written, read, and what is wrong with what is not one. */
package io.millrace.schemas.codec.json;
