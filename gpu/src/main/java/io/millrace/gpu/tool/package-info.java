/** What callers that check calls of tools need of the engine's grammars. */
package io.millrace.gpu.tool;
