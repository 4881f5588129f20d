/** Models: Hugging Face folders, families, the forward pass. */
package io.millrace.gpu.model;
