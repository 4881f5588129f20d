/** Records as bytes of one wire format, and back. */
package io.millrace.schemas.codec;
