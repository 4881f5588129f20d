package io.millrace.gpu.model;

import io.millrace.gpu.model.family.Family;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.Map;

/** Finds the tensors of the token embedding and of the head, as transformers 5.17.0 does. */
final class TiedHead {
    /** The remark about a head that differs from the embedding. */
    static final String DIFFERS =
            "config.json says tie_word_embeddings, but "
                    + Family.HEAD
                    + " differs from the embedding: the head is used as it is in the file.";

    private TiedHead() {}

    /**
     * Renames the embedding to the family's name if it has another one; in a tied model it may have
     * the head's.
     *
     * @param tensors by name; changed
     * @param tied whether config.json ties the head to the embedding
     * @return whether they are tied: not if both exist and differ
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
