// A page opened from a folder may start no worker: there the search runs in a hidden frame, with what it needs of one.
if (location.protocol === "file:") {
  window.IFrameWorker = class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      this.post = message => inside.dispatchEvent(new MessageEvent("message", {data: message}));
      this.ready = new Promise(done => {
        inside.postMessage = message => this.dispatchEvent(new MessageEvent("message", {data: message}));
        inside.importScripts = (...scripts) => scripts.reduce((before, script) => before.then(() => this.load(script)), Promise.resolve());
        this.load = script => new Promise(loaded => {
          const tag = inside.document.createElement("script");
          tag.src = script;
          tag.onload = loaded;
          inside.document.body.append(tag);
        });
        this.load(url).then(done);
      });
    }

    postMessage(message) {
      this.ready.then(() => this.post(message));
    }

    terminate() {}
  };
  window.Worker = window.IFrameWorker;
}
