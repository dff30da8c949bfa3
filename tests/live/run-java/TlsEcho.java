import java.io.*;
import java.net.*;
import java.util.*;
import java.util.concurrent.*;
import javax.net.ssl.*;

/** An echo server over TLS, and twenty clients at a time that ask it. */
public class TlsEcho {
    static void serve(String host, int port) throws Exception {
        ServerSocket server = SSLServerSocketFactory.getDefault()
            .createServerSocket(port, 100, InetAddress.getByName(host));
        System.out.println("ready");
        for (;;) {
            Socket socket = server.accept();
            new Thread(() -> echo(socket)).start();
        }
    }

    static void echo(Socket socket) {
        try (socket) {
            socket.getInputStream().transferTo(socket.getOutputStream());
        } catch (IOException e) {
            System.out.println("echo: " + e);
        }
    }

    static Void ask(String host, int port, int seed) throws Exception {
        byte[] sent = new byte[1 << 20];
        new Random(seed).nextBytes(sent);
        try (Socket socket =
                 SSLSocketFactory.getDefault().createSocket(host, port)) {
            socket.setSoTimeout(30000);
            socket.setTcpNoDelay(true);
            Thread writer = new Thread(() -> {
                try {
                    socket.getOutputStream().write(sent);
                } catch (IOException e) {
                    System.out.println("write: " + e);
                }
            });
            writer.start();
            byte[] got = socket.getInputStream().readNBytes(sent.length);
            writer.join();
            if (!Arrays.equals(got, sent))
                throw new IOException("another answer: " + got.length);
        }
        return null;
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[2]);
        if (args[0].equals("serve"))
            serve(args[1], port);
        ExecutorService pool = Executors.newFixedThreadPool(20);
        List<Future<Void>> answers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            int seed = i;
            answers.add(pool.submit(() -> ask(args[1], port, seed)));
        }
        for (Future<Void> answer : answers)
            answer.get();
        pool.shutdown();
        System.out.println("all echoed");
    }
}
