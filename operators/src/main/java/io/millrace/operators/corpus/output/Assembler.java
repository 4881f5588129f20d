package io.millrace.operators.corpus.output;

import io.millrace.operators.inference.Lane;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.util.function.ThrowingRunnable;

/**
 * Has files put together one after the other by a thread of its own, so that no barrier waits for
 * one. Called by the mailbox thread only, which hears what came of each.
 */
final class Assembler implements AutoCloseable {
    /** Makes the output of a file that is whole. */
    interface Assembly {
        void commit(FileState file) throws IOException;
    }

    /** Hears what is done. */
    interface Done {
        void accept(String file) throws IOException;
    }

    private final OutputFolder folder;
    private final Assembly assembly;
    private final MailboxExecutor mailbox;
    private final Done done;
    private final Lane lane = new Lane("corpus-assembly");
    private final Set<String> inWork = new HashSet<>();

    /**
     * @param done hears the name of each file whose output is where it belongs, mailbox thread
     */
    Assembler(OutputFolder folder, Assembly assembly, MailboxExecutor mailbox, Done done) {
        this.folder = folder;
        this.assembly = assembly;
        this.mailbox = mailbox;
        this.done = done;
    }

    /**
     * Has a file put together, unless that is in work already.
     *
     * @param file whole; nothing more is told to it
     */
    void commit(String name, FileState file) {
        if (inWork.add(name)) {
            lane.execute(() -> tell(name, () -> assembly.commit(file), () -> finished(name)));
        }
    }

    /** Removes what was staged of a file, behind what is in work. */
    void forget(String name) {
        Path staged = folder.staging(name);
        lane.execute(() -> tell(name, () -> OutputFolder.delete(staged), () -> {}));
    }

    private interface Work {
        void run() throws IOException;
    }

    /** Runs in the lane. */
    private void tell(String name, Work work, Work then) {
        ThrowingRunnable<Exception> mail;
        try {
            work.run();
            mail = () -> told(name, then);
        } catch (IOException | RuntimeException e) {
            mail =
                    () -> {
                        throw OutputFaults.of("the output of " + name, folder, e);
                    };
        } catch (Error e) {
            mail =
                    () -> {
                        throw e;
                    };
        }
        try {
            mailbox.execute(mail, "output of %s", name);
        } catch (RejectedExecutionException e) {
            // The task has ended meanwhile; the next attempt finds what was put together.
            return;
        }
    }

    /** In the mailbox. */
    private void told(String name, Work then) throws Exception {
        try {
            then.run();
        } catch (IOException e) {
            throw OutputFaults.of("the count of what is done behind " + name, folder, e);
        }
    }

    private void finished(String name) throws IOException {
        inWork.remove(name);
        done.accept(name);
    }

    /** Waits until nothing is in work, and lets the mailbox go on meanwhile. */
    void await() throws InterruptedException {
        while (!inWork.isEmpty()) {
            mailbox.yield();
        }
    }

    /** Ends what is in work where it stands: it has no name yet that a user sees. */
    @Override
    public void close() {
        lane.close();
    }
}
