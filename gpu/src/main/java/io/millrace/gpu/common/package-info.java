/** What every room needs and none owns: closing, hashing. JDK only. */
package io.millrace.gpu.common;
