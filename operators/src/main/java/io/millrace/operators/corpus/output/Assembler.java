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
 * Assembles output files one after the other on a thread of its own, so that no barrier waits for
 * them. Called by the mailbox thread only, which is notified when a file is done.
 */
final class Assembler implements AutoCloseable {
    /** Assembles the output of a complete file. */
    interface Assembly {
        void commit(FileState file) throws IOException;
    }

    /** Is called after a file was committed. */
    interface Done {
        void accept(String file) throws IOException;
    }

    private final OutputFolder folder;
    private final Assembly assembly;
    private final MailboxExecutor mailbox;
    private final Done done;
    private final Lane lane = new Lane("corpus-assembly");
    private final Set<String> inProgress = new HashSet<>();

    /**
     * @param done called with the name of each committed file, on the mailbox thread
     */
    Assembler(OutputFolder folder, Assembly assembly, MailboxExecutor mailbox, Done done) {
        this.folder = folder;
        this.assembly = assembly;
        this.mailbox = mailbox;
        this.done = done;
    }

    /**
     * Assembles a file, unless that is already in progress.
     *
     * @param file complete; must not change any more
     */
    void commit(String name, FileState file) {
        if (inProgress.add(name)) {
            lane.execute(() -> work(name, () -> assembly.commit(file), () -> finished(name)));
        }
    }

    /** Deletes the staging files of a file, after the work in progress. */
    void forget(String name) {
        Path staged = folder.staging(name);
        lane.execute(() -> work(name, () -> OutputFolder.delete(staged), () -> {}));
    }

    private interface Work {
        void run() throws IOException;
    }

    /** Works on the lane's thread, then continues on the mailbox thread. */
    private void work(String name, Work work, Work then) {
        ThrowingRunnable<Exception> mail;
        try {
            work.run();
            mail = () -> proceed(name, then);
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
            // The task has ended meanwhile; the next attempt finds the file committed.
            return;
        }
    }

    /** Runs on the mailbox thread. */
    private void proceed(String name, Work then) throws Exception {
        try {
            then.run();
        } catch (IOException e) {
            throw OutputFaults.of("the totals after " + name, folder, e);
        }
    }

    private void finished(String name) throws IOException {
        inProgress.remove(name);
        done.accept(name);
    }

    /** Waits until nothing is in progress; the mailbox goes on meanwhile. */
    void await() throws InterruptedException {
        while (!inProgress.isEmpty()) {
            mailbox.yield();
        }
    }

    /** Interrupts work in progress, which only writes files that users do not see. */
    @Override
    public void close() {
        lane.close();
    }
}
