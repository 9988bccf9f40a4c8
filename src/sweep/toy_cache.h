#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

namespace saesweep::sweep {

//! Values that several threads need at about the same time: each is made once, by the first that asks, while the others
//! wait for it; the last `limit` are kept. Thread-safe.
template <typename Key, typename Value>
class ToyCache {
 public:
  explicit ToyCache(size_t limit) : limit_(limit) {}

  //! What `make` throws is thrown to all that wait for it.
  std::shared_ptr<const Value> get(const Key& key, const std::function<Value(const Key&)>& make) {
    std::promise<std::shared_ptr<const Value>> promise;
    std::shared_future<std::shared_ptr<const Value>> found;
    bool is_maker = false;
    {
      const std::scoped_lock lock(mutex_);
      const auto [place, is_new] = values_.try_emplace(key);
      is_maker = is_new;
      if (is_new) place->second = promise.get_future().share();
      if (is_new) note(key);
      found = place->second;
    }
    if (is_maker) fulfil(promise, key, make);
    return found.get();
  }

 private:
  static void fulfil(std::promise<std::shared_ptr<const Value>>& promise, const Key& key,
                     const std::function<Value(const Key&)>& make) {
    try {
      promise.set_value(std::make_shared<const Value>(make(key)));
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  }

  void note(const Key& key) {
    order_.push_back(key);
    if (order_.size() <= limit_) return;
    values_.erase(order_.front());
    order_.pop_front();
  }

  std::mutex mutex_;
  size_t limit_;
  std::map<Key, std::shared_future<std::shared_ptr<const Value>>> values_;
  std::deque<Key> order_;
};

}  // namespace saesweep::sweep
