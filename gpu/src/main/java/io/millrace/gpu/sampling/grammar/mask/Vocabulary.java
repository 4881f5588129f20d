package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Positions;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import io.millrace.gpu.sampling.grammar.token.TokenTrie;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The tokens of a tokenizer by their bytes. Safe for any thread. */
public final class Vocabulary {
    private static final long TABLE_BYTES = 64 << 20;

    private final TokenTrie trie;
    private final Spelling spelling;
    private final byte[][] tokens;
    private final int words;
    private final StateTable table = new StateTable(TABLE_BYTES);
    private final State free;
    private final Map<Integer, FreeTokens> freeTokens = new HashMap<>();

    /**
     * @param tokens bytes of each token; null for a token without text
     */
    public Vocabulary(byte[][] tokens) {
        this.tokens = tokens.clone();
        List<TokenTrie.Entry> entries = new ArrayList<>();
        for (int id = 0; id < tokens.length; id++) {
            if (tokens[id] != null && tokens[id].length > 0) {
                entries.add(new TokenTrie.Entry(tokens[id], id));
            }
        }
        trie = new TokenTrie(entries);
        spelling = new Spelling(trie);
        words = (tokens.length + 63) / 64;
        State start = table.start(Positions.ofStrings(spelling));
        free = table.next(start, '"');
        freeTokens(0);
    }

    /** Number of tokens. */
    public int size() {
        return tokens.length;
    }

    /** Number of 64-bit words of a mask of all tokens. */
    public int words() {
        return words;
    }

    /** The bytes of a token; null for a token without text. */
    public byte[] bytes(int token) {
        return token < 0 || token >= tokens.length ? null : tokens[token];
    }

    /** Counts the tokens needed for a text. */
    public Spelling spelling() {
        return spelling;
    }

    TokenTrie trie() {
        return trie;
    }

    synchronized FreeTokens freeTokens(int node) {
        return freeTokens.computeIfAbsent(node, n -> new FreeTokens(trie, n, table, free, words));
    }

    /** Maximum number of characters that begin in one token within a string. */
    int longest() {
        return freeTokens(0).most;
    }
}
