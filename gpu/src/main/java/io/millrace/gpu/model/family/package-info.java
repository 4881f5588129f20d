/** One file a model family: how its config.json is read and how its weights are called. */
package io.millrace.gpu.model.family;
