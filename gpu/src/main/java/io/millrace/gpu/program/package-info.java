/** What one forward pass is given and what it brings. */
package io.millrace.gpu.program;
