package io.millrace.gpu.model;

import io.millrace.gpu.model.family.Family;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/**
 * Settles which tensors of a folder are the table of token embeddings and the head, as transformers
 * 5.17.0 does.
 */
final class TiedHead {
    /** What is told of a head that differs. */
    static final String DIFFERS =
            "config.json says tie_word_embeddings, but "
                    + Family.HEAD
                    + " differs from the embedding: the head is used as it is in the file.";

    private TiedHead() {}

    /**
     * Gives a table that stands under another name the one that the family asks for; if it is tied,
     * the head's is such a name.
     *
     * @param tensors by name; changed
     * @param tied whether config.json says so
     * @return whether it is so: both may be there, and differ
     */
    static boolean settle(Map<String, Tensor> tensors, Family family, boolean tied)
            throws IOException {
        String embedding = family.embedding(tensors::containsKey);
        for (String alias : family.embeddingAliases()) {
            rename(tensors, alias, embedding);
        }
        if (!tied) {
            return false;
        }
        rename(tensors, Family.HEAD, embedding);
        Tensor head = tensors.get(Family.HEAD);
        return head == null
                || !tensors.containsKey(embedding)
                || head.equalNumbers(tensors.get(embedding));
    }

    private static void rename(Map<String, Tensor> tensors, String from, String to) {
        if (!tensors.containsKey(to) && tensors.containsKey(from)) {
            tensors.put(to, tensors.remove(from));
        }
    }
}
