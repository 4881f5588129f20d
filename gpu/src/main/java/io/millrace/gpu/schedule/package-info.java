/** Decides what the next step computes, and where its K/V go. Knows nothing but the JDK. */
package io.millrace.gpu.schedule;
