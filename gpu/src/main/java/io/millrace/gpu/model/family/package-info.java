/** Model families, one file each: reading of config.json and names of weights. */
package io.millrace.gpu.model.family;
