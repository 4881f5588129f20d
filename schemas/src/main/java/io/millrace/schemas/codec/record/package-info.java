/**
 * What all formats share: kinds of records, names of formats and schemas, and how bytes are
 * refused.
 */
package io.millrace.schemas.codec.record;
