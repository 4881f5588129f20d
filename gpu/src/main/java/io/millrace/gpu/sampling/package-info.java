/** The sampling of a row's next token, and its arithmetic, shared by all devices. */
package io.millrace.gpu.sampling;
