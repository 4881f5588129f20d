/** Shared by all formats: kinds of records, names of formats and schemas, and refusals of bytes. */
package io.millrace.schemas.codec.record;
