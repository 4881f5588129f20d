/** Encoding and decoding of records in the wire formats. */
package io.millrace.schemas.codec;
