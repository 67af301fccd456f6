#include "src/wire/local/pipe.h"

namespace parley::detail {

bool Pipe::Connect(std::shared_ptr<PipeEnd> client, std::shared_ptr<PipeEnd> server) {
  std::unique_lock lock(mutex_);
  if (closed_) return false;
  ends_[kClient] = std::move(client);
  ends_[kServer] = std::move(server);
  return true;
}

void Pipe::Read(Side side) {
  std::unique_lock lock(mutex_);
  directions_[1 - side].reading = true;
  Pump(lock);
}

void Pipe::Write(Side side, std::optional<Payload> message, bool close) {
  std::unique_lock lock(mutex_);
  Direction& direction = directions_[side];
  direction.writing = true;
  direction.message = std::move(message);
  direction.close = close;
  Pump(lock);
}

std::shared_ptr<PipeEnd> Pipe::Close(Side from) {
  Direction dropped[2];
  std::shared_ptr<PipeEnd> ends[2];
  std::unique_lock lock(mutex_);
  closed_ = true;
  std::swap(dropped, directions_);
  std::swap(ends, ends_);
  lock.unlock();
  return ends[1 - from];
}

void Pipe::Sever(Side from, absl::Status status) {
  if (const std::shared_ptr<PipeEnd> other = Close(from)) other->Severed(std::move(status));
}

void Pipe::Pump(std::unique_lock<std::mutex>& lock) {
  if (std::exchange(pumping_, true)) return;
  // In turn: however much goes one way, what goes the other way is carried too.
  for (bool carried = true; carried;) {
    const bool up = Carry(lock, kClient);
    const bool down = Carry(lock, kServer);
    carried = up || down;
  }
  pumping_ = false;
}

bool Pipe::Carry(std::unique_lock<std::mutex>& lock, Side from) {
  Direction& direction = directions_[from];
  std::shared_ptr<PipeEnd> writer = ends_[from];
  std::shared_ptr<PipeEnd> reader = ends_[1 - from];
  if (!direction.writing || writer == nullptr) return false;
  if (direction.message) {
    if (!direction.reading) return false;
    direction.reading = false;
    Payload message = *std::exchange(direction.message, std::nullopt);
    const bool written = !direction.close;
    if (written) direction.writing = false;
    lock.unlock();
    reader->Delivered(std::move(message));
    if (written) writer->Written();
  } else {
    direction.writing = false;
    const bool close = std::exchange(direction.close, false);
    lock.unlock();
    if (close) reader->EndDelivered();
    writer->Written();
  }
  // The pipe may have let go of them, and they may hold messages of the application's.
  writer.reset();
  reader.reset();
  lock.lock();
  return true;
}

}  // namespace parley::detail
