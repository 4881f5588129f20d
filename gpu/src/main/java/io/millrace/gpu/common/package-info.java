/** Shared utilities: closing, hashing, ranges, definitions of options. JDK only. */
package io.millrace.gpu.common;
