/** What every room needs and none owns: closing, hashing, ranges. JDK only. */
package io.millrace.gpu.common;
