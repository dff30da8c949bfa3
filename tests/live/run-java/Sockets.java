import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.util.*;

/** What else a Java program does with sockets. */
public class Sockets {
    static InetSocketAddress peer;

    static void check(boolean holds, String what) throws Exception {
        if (!holds)
            throw new Exception(what);
    }

    /** close() in one thread ends read() in another, with an exception. */
    static void closeWakesReader() throws Exception {
        Socket socket = new Socket();
        socket.connect(peer, 10000);
        Thread closer = new Thread(() -> {
            try {
                Thread.sleep(300);
                socket.close();
            } catch (Exception e) {
                System.out.println("closer: " + e);
            }
        });
        closer.start();
        try {
            int got = socket.getInputStream().read();
            throw new Exception("read: " + got);
        } catch (SocketException e) {
            check(e.getMessage().contains("closed"), e.getMessage());
        }
        closer.join();
    }

    /** The same of accept(). */
    static void closeWakesAcceptor() throws Exception {
        ServerSocket server = new ServerSocket(9000);
        Thread closer = new Thread(() -> {
            try {
                Thread.sleep(300);
                server.close();
            } catch (Exception e) {
                System.out.println("closer: " + e);
            }
        });
        closer.start();
        try {
            server.accept();
            throw new Exception("accepted");
        } catch (SocketException e) {
            check(e.getMessage().contains("closed"), e.getMessage());
        }
        closer.join();
    }

    static void timeoutOfRead() throws Exception {
        try (Socket socket = new Socket()) {
            socket.connect(peer, 10000);
            socket.setSoTimeout(200);
            socket.getInputStream().read();
            throw new Exception("no time-out");
        } catch (SocketTimeoutException e) {
            return;
        }
    }

    static void refused() throws Exception {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress(peer.getAddress(), 9), 10000);
            throw new Exception("connected");
        } catch (ConnectException e) {
            check(e.getMessage().contains("refused"), e.getMessage());
        }
    }

    /** Registered before it connects; the selector is woken by a pipe. */
    static void selector() throws Exception {
        Selector selector = Selector.open();
        SocketChannel channel = SocketChannel.open();
        channel.configureBlocking(false);
        SelectionKey key = channel.register(selector, 0);
        key.interestOps(SelectionKey.OP_CONNECT);
        selector.selectNow();
        selector.selectedKeys().clear();
        channel.connect(peer);
        check(selector.select(10000) == 1, "no connection");
        check(channel.finishConnect(), "not connected");
        key.interestOps(SelectionKey.OP_READ);
        selector.selectedKeys().clear();
        selector.wakeup();
        check(selector.select(10000) == 0, "not woken");
        check(selector.select(200) == 0, "something to read");
        channel.close();
        selector.close();
    }

    /** Both over 127.0.0.1, which is the kernel's, registered before. */
    static void loopback() throws Exception {
        try (ServerSocket server =
                 new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
             Selector selector = Selector.open();
             SocketChannel channel = SocketChannel.open()) {
            channel.configureBlocking(false);
            SelectionKey key = channel.register(selector, 0);
            key.interestOps(SelectionKey.OP_CONNECT);
            selector.selectNow(); /* now the kernel's epoll knows of it */
            selector.selectedKeys().clear();
            channel.connect(server.getLocalSocketAddress());
            check(selector.select(10000) == 1, "loopback: no connection");
            check(channel.finishConnect(), "loopback: not connected");
            Socket other = server.accept();
            other.getOutputStream().write(65);
            selector.selectedKeys().clear();
            key.interestOps(SelectionKey.OP_READ);
            check(selector.select(10000) == 1, "loopback: nothing to read");
            check(channel.read(ByteBuffer.allocate(10)) == 1, "loopback: read");
            other.close();
        }
    }

    public static void main(String[] args) throws Exception {
        peer = new InetSocketAddress(args[0], Integer.parseInt(args[1]));
        closeWakesReader();
        closeWakesAcceptor();
        timeoutOfRead();
        refused();
        selector();
        loopback();
        System.out.println("all well");
    }
}
